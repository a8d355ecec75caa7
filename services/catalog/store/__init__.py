"""The catalog's tables, and one store per aggregate."""
