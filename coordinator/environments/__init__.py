"""Environments of packages in which builders work whose pins agree with nobody else's."""
