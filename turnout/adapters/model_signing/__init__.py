"""Signed models in the form of OpenSSF Model Signing: verify a bundle, sign a tree, make a key."""

from turnout.adapters.model_signing.signer import make_key, sign_tree
from turnout.adapters.model_signing.signers import Signers, load_signers
from turnout.adapters.model_signing.verifier import Signed, verify

__all__ = ["Signed", "Signers", "load_signers", "make_key", "sign_tree", "verify"]
