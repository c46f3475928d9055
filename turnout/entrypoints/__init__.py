"""How people and programs reach Turnout."""
