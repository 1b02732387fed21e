"""The `training` command. Start reading at main.py."""
