"""What a raw file of each pass holds, one file per pass, both directions; nothing is believed."""
