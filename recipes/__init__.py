"""Recipes: programs that make what Sampan ships. They are not part of the installed package."""
