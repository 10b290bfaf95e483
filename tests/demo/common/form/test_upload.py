"""Files that programs name: only what was uploaded to this server is read, whatever the name is."""

import pytest

from demo.common.form.upload import read_api_file
from safeclip.errors import ImageError


@pytest.mark.parametrize("path", ["/etc/passwd", "../../etc/passwd", "", "\0", "x" * 5000])
def test_a_path_that_was_not_uploaded_is_a_sentence(path):
    with pytest.raises(ImageError, match="not uploaded to this server. Pass gradio_client.handle_file"):
        read_api_file({"path": path})
