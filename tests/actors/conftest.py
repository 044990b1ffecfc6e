import pytest
from tests.support.script_zoo import Zoo


@pytest.fixture
def zoo(tmp_path):
    return Zoo(tmp_path)
