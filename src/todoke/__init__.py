"""Todoke (届け): the back office of Japanese municipal programmes."""
