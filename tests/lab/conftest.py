import importlib

import pytest


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Networks here are small: a second thread of torch only waits for the first."""
    try:
        torch = importlib.import_module("torch")
    except ImportError:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
