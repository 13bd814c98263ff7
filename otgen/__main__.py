"""``python -m otgen`` is ``otgen``."""

from .app.cli import main

if __name__ == "__main__":
    main()
