"""Campaigns, schedules and demand, in SQL."""
