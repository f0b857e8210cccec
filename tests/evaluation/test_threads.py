import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from mrigen.evaluation.threads import one_thread


def blas():
    np.ones((2, 2)) @ np.ones((2, 2))
    return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}


def test_everything_uses_one_thread_and_gets_its_threads_back():
    before, threads = blas(), torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with one_thread():
            assert torch.get_num_threads() == 1
            assert blas() == {1}
        assert torch.get_num_threads() == 2
        assert blas() == before
    finally:
        torch.set_num_threads(threads)


def test_threads_are_given_back_after_an_error():
    threads = torch.get_num_threads()
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert torch.get_num_threads() == threads
