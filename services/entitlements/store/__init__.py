"""The tables of entitlements: what it learned from its neighbours, each thing with its owner's revision."""
