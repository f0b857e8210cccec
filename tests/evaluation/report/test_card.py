"""A card as Markdown: nothing from outside becomes markup, and what is too long is cut whole."""

from mrigen.evaluation.report.card import Card, CardSection


def card(**changes):
    sections = [
        CardSection("Details", {"Network": "unet"}, ["One sentence."]),
        CardSection("Metrics", header=("Number", "Value"), rows=[["PSNR", "30 dB"]], **changes),
        CardSection("Again", code="mrigen train unet"),
    ]
    return Card("Model card of unet", sections)


def test_sections_become_headings_lists_tables_and_code():
    assert card().markdown() == (
        "# Model card of unet\n\n"
        "## Details\n\n- **Network**: unet\n\n- One sentence.\n\n"
        "## Metrics\n\n| Number | Value |\n| --- | --- |\n| PSNR | 30 dB |\n\n"
        "## Again\n\n```\nmrigen train unet\n```\n"
    )


def test_what_comes_from_files_is_text():
    evil = "<img src=x> | [a](b) `c` *d*\n# e"
    text = Card(evil, [CardSection("x", {evil: evil}, [evil], ("h",), [[evil]])]).markdown()
    assert r"\<img src=x> \| \[a\](b) \`c\` \*d\* \# e" in text
    assert "\n# e" not in text


def test_code_cannot_end_its_own_block():
    code = "git checkout a\n````\n<script>"
    text = Card("x", [CardSection("Again", code=code)]).markdown()
    assert text.endswith(f"`````\n{code}\n`````\n")


def test_a_limit_leaves_whole_sections_out_and_says_so():
    whole = card().markdown()
    assert card().markdown(len(whole)) == whole
    short = card().markdown(len(whole) - 1)
    assert len(short) <= len(whole) - 1
    assert short.endswith("The whole card is in the artifacts.\n")
    assert "Left out here: " in short
    kept = [words for words in ("One sentence", "30 dB", "mrigen train") if words in short]
    assert 0 < len(kept) < 3
