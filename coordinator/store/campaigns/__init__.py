"""Campaigns, schedules, demand and calibration sets, in SQL."""
