"""The API of one controller: HTTP over its folder's Unix socket."""
