"""A call stopped wherever Python would act on Ctrl-C in some files, at one place after the other.

Signals are seen where a function begins and where a call of compiled code returns, and at no other line: what a ``finally`` begins with is reached.
"""

import sys


def at_each_place(call, files, around=None):
    """How often a call was stopped; ``around`` is called after each stop, and may check what is left."""
    stopped = 0
    while _stopped(call, files, stopped + 1):
        stopped += 1
        if around is not None:
            around()
    return stopped


def _stopped(call, files, number):
    left = [number]

    def seen(frame, event, argument):
        if event in ("call", "c_return") and frame.f_code.co_filename in files:
            left[0] -= 1
            if left[0] == 0:
                sys.setprofile(None)
                raise KeyboardInterrupt

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        call()
    except KeyboardInterrupt:
        return True
    finally:
        sys.setprofile(before)
    return False
