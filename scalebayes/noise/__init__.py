"""How runs scatter around the law."""
