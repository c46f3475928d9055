"""Releases model and LLM services: step by step, judged on live evidence, with nothing lost."""
