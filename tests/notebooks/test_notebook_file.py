"""A notebook's file holds nothing that only a running kernel could show."""

import notebook_file
from nbformat.v4 import new_code_cell, new_notebook, new_output

VIEW = "application/vnd.jupyter.widget-view+json"


def test_progress_bars_are_left_out_and_nothing_else(tmp_path):
    bar = new_output("display_data", data={VIEW: {"model_id": "a"}, "text/plain": "0%"})
    html = {"text/html": "<p>beta</p>"}
    twin = new_output("display_data", data={VIEW: {"model_id": "b"}, **html})
    text = new_output("stream", name="stdout", text="2\n")
    path = tmp_path / "made_up.ipynb"
    notebook_file.write(
        path, new_notebook(cells=[new_code_cell("train()", outputs=[bar, twin, text])])
    )
    assert notebook_file.read(path).cells[0].outputs == [
        new_output("display_data", data=html),
        text,
    ]
