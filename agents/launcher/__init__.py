"""One child, from its start to its explained end."""
