"""The default store: one SQLite file. `store` is for the controller, `reading` for quick looks."""
