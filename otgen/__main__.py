"""``python -m otgen`` is ``otgen``."""

from .app.entry import main

if __name__ == "__main__":
    main()
