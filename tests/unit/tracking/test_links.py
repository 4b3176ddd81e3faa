from __future__ import annotations

from trainer.hyperlinks import hyperlink, links_work
from trainer.tracking.tables import Table, render_plain

PAGE = "http://127.0.0.1:1/me/lab/runs/a"


def test_names_of_a_table_lead_to_pages_without_moving_a_column() -> None:
    table = Table(("#", "run", "lr"), ((1, "sävid", 0.1), (10, "b", 0.25)), range(2, 3), (PAGE, ""), 1)
    plain, linked = render_plain(table, 40), render_plain(table, 40, with_links=True)
    assert hyperlink("sävid", PAGE) in linked
    assert linked.replace(f"\x1b]8;;{PAGE}\x1b\\", "").replace("\x1b]8;;\x1b\\", "") == plain
    # A name that is cut is no link.
    assert render_plain(table, 8, with_links=True) == render_plain(table, 8)


def test_only_addresses_that_a_browser_opens_are_links_and_only_in_terminals() -> None:
    for url in ("", "javascript:alert(1)", "http://x/\x1b]0;title", "http://x/ü"):
        assert hyperlink("name", url) == "name"
    assert links_work({"TERM": "xterm-256color"})
    assert not any(links_work(environ) for environ in ({}, {"TERM": "linux"}, {"TERM": "xterm", "CI": "true"}))
