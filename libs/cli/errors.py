"""What stops the platform on this machine, said to the person in front of it."""


class PlatformError(Exception):
    """Its text is whole sentences: what is wrong and what to do. Starting again changes nothing by itself."""


class ChildDiedError(PlatformError):
    """A child ended although nobody asked it to; starting it again may help."""
