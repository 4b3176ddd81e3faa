"""ParametersSection: the parameters of the sweep as a tree, and the one under the cursor taken apart beneath it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import getters, on
from textual.app import ComposeResult

from trainer.records import Json
from trainer.sweep.parameters import DISTRIBUTIONS, Field
from trainer.sweep.validation import Violation
from tui.conversion import converted, entry_for
from tui.parameter_tree import ParameterTreeModel, Path, TreeNode
from tui.pasted_parameters import pasted_parameters, typed_parameter
from tui.shorthand import ShorthandError, parse_items, parse_shorthand, parse_value
from tui.sweep_document import SweepDocument
from tui.sweep_draft import GROUP_SEPARATOR, ParameterDraft
from tui.tree_lines import rule_words
from tui.widgets.builder_section import BuilderSection
from tui.widgets.name_input import NameInput
from tui.widgets.parameter_pane import ParameterPane
from tui.widgets.parameter_tree import ParameterTree


class ParametersSection(BuilderSection):
    """Edits the rows of the draft."""

    title = "Parameters"
    parameter_tree = getters.query_one(ParameterTree)
    pane = getters.query_one(ParameterPane)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.document = SweepDocument.from_config({})
        self._problems: dict[int, str] = {}
        self._group_problems: dict[Path, str] = {}
        self._new: ParameterDraft | None = None
        """The parameter that was added and is not named yet; not in the configuration, and no step to undo."""
        self._named: ParameterDraft | None = None
        """The parameter whose name is being typed."""

    def compose(self) -> ComposeResult:
        """Compose the tree and the pane."""
        yield ParameterTree(id="parameter-tree")
        yield ParameterPane(self, id="parameter-pane")

    @property
    def rows(self) -> list[ParameterDraft]:
        """The rows of the draft."""
        return self.document.draft.rows

    async def show(self, document: SweepDocument) -> None:
        """Show the parameters of the document."""
        self.document = document
        self._new = None
        self.parameter_tree.show(self.rows)
        self._show_current()

    def show_problems(self, problems: Sequence[Violation]) -> None:
        """Mark the lines that have problems, and say the one of the line under the cursor."""
        by_path = self._rows_by_path()
        groups: dict[str, TreeNode] | None = None
        texts: dict[int, str] = {}
        group_texts: dict[Path, str] = {}
        for problem in problems:
            text = f"{problem.message} {problem.hint}".strip()
            # Two of one name: the violation is about both.
            owners = _owners(problem.path, by_path)
            for row in owners:
                texts.setdefault(id(row), text)
            if not owners and self.owns(problem.path):
                groups = self._groups_by_path() if groups is None else groups
                if (group := _group_at(problem.path, groups)) is not None:
                    group_texts.setdefault(group.path, text)
        self._problems, self._group_problems = texts, group_texts
        self.parameter_tree.show_problems(texts, group_texts)
        self.parameter_tree.show_rules(rule_words(self.document.draft.compiled(), self.rows))
        self._show_problem()

    def owns(self, path: str) -> bool:
        """Return whether a violation is about a parameter."""
        return path == "parameters" or path.startswith("parameters.")

    def focus_path(self, path: str) -> None:
        """Go to the parameter or the group that a violation is about; to the list where it is about none."""
        row = next(iter(_owners(path, self._rows_by_path())), None)
        if row is None:
            group = _group_at(path, self._groups_by_path())
            if group is not None:
                self.parameter_tree.select(group.path)
                self._show_current()
            self.parameter_tree.focus()
            return
        self.parameter_tree.select(row)
        self._show_current()
        (self.pane.value_input if row.name.strip() else self.pane.name_input).focus()

    def _groups_by_path(self) -> dict[str, TreeNode]:
        lines = ParameterTreeModel(self.rows).lines()
        return {f"parameters.{'.parameters.'.join(line.node.path)}": line.node for line in lines if line.row is None}

    async def add(self) -> None:
        """Add a parameter below the current one and let it be named; presets are offered."""
        self._drop_unnamed()
        node = self.parameter_tree.current
        group = () if node is None else node.path[:-1] if node.row is not None else node.path
        self._new = ParameterDraft("".join(f"{part}{GROUP_SEPARATOR}" for part in group), {})
        at = len(self.rows)
        if node is not None and node.rows:
            last = node.rows[-1]
            at = next(index for index, row in enumerate(self.rows) if row is last) + 1
        self.rows.insert(at, self._new)
        self._reshow(self._new)
        self.pane.name_input.focus()

    # The line under the cursor

    @property
    def current(self) -> TreeNode | None:
        """The node under the cursor."""
        return self.parameter_tree.current

    def _reshow(self, select: ParameterDraft | tuple[str, ...] | None = None) -> None:
        self.parameter_tree.show(self.rows, select)
        self._show_current()

    def _show_current(self, *, keep_typed: bool = False) -> None:
        node, pane = self.current, self.pane
        pane.set_class(node is None, "-empty")
        if node is None:
            return
        row = node.row
        if row is None:
            pane.show(node.name, None, keep_typed=keep_typed, title=GROUP_SEPARATOR.join(node.path))
        else:
            facts = self.parameter_tree.facts.of(row.entry)
            text = row.typed if row.problem else facts.text
            is_new = not row.entry and not row.problem
            pane.show(row.name, facts, text, is_new=is_new, keep_typed=keep_typed)
        self._show_problem()

    def _show_problem(self) -> None:
        node = self.current
        if node is None:
            text = ""
        elif node.row is None:
            text = self._group_problems.get(node.path, "")
        else:
            text = self._problems.get(id(node.row), "")
        self.pane.show_problem(text)

    @on(ParameterTree.CursorMoved)
    def _cursor_moved(self, message: ParameterTree.CursorMoved) -> None:
        message.stop()
        if self._new is not None and (self.current is None or self.current.row is not self._new):
            self._drop_unnamed()
        self._show_current()

    def _drop_unnamed(self) -> None:
        """Take a new parameter away again into which nothing was typed."""
        new, self._new = self._new, None
        if new is not None and not new.entry and not new.problem and not new.name.rpartition(GROUP_SEPARATOR)[2]:
            current = self.current
            self.rows[:] = [row for row in self.rows if row is not new]
            self.parameter_tree.show(self.rows, current.row if current is not None and current.row is not new else None)

    # Typing

    @on(ParameterTree.EditRequested)
    def _edit(self, message: ParameterTree.EditRequested) -> None:
        message.stop()
        node, pane = self.current, self.pane
        box = pane.name_input if node is None or node.row is None or not node.row.name.strip() else pane.value_input
        if message.typed:
            box.value = message.typed
        box.focus()
        box.cursor_position = len(box.value)

    def name_typed(self, text: str) -> None:
        """Take over a name."""
        node = self.current
        if node is None:
            return
        if node.row is None:
            # Without a name its parameters would be in no group any more: that waits until there is one.
            if not text.strip() or text == node.name:
                return
            self.parameter_tree.model.rename(node, text)
            self.tell_changed(f"rename group {text}", f"group {id(node)}")
            path = (*node.path[:-1], *text.split(GROUP_SEPARATOR))
            self.parameter_tree.show(self.rows, node.rows[0] if node.path in self.parameter_tree.folded else path)
            return
        row = node.row
        if text == row.name:
            return
        self._named = row
        label = f"add {text}" if row is self._new else f"rename {row.name or 'a parameter'}"
        row.name = text
        self.parameter_tree.show(self.rows, row)
        self._show_current(keep_typed=True)
        self.tell_changed(label, f"name {self._key(row)}")

    def name_left(self) -> None:
        """Take a name apart that has its values behind it, `lr: 0.1..1`, as one pastes it."""
        row, self._named = self._named, None
        typed = typed_parameter(row.name) if row is not None else None
        if row is None or typed is None:
            return
        row.name, row.entry, row.problem, row.typed = typed.name, typed.entry, typed.problem, typed.typed
        self._new = None
        self._reshow(row)
        self.tell_changed(f"add {row.name}")

    def value_typed(self, text: str) -> None:
        """Take over the text of the values."""
        row = self.current.row if self.current is not None else None
        if row is None:
            return
        try:
            row.entry = parse_shorthand(text)
            row.problem = row.typed = ""
            # What was typed says it already; writing a long list out again would cost milliseconds at every key.
            self.parameter_tree.facts.of(row.entry).__dict__["text"] = text.strip()
        except ShorthandError as error:
            row.problem, row.typed = str(error), text
        self.parameter_tree.refresh_changed()
        self._show_current(keep_typed=True)
        self.tell_changed(f"edit {row.name}", f"value {self._key(row)}")

    def field_typed(self, field: Field, text: str) -> None:
        """Take over the text of one of the distribution's keys."""
        row = self.current.row if self.current is not None else None
        if row is None or not isinstance(row.entry, dict):
            return
        distribution = DISTRIBUTIONS.get(self.parameter_tree.facts.of(row.entry).kind)
        if distribution is None:
            return
        fields = {name: value for name, value in row.entry.items() if name != "distribution"}
        fields.pop(field.name, None)
        if text.strip():
            fields[field.name] = _field_value(field, text)
        ordered = {each.name: fields.pop(each.name) for each in distribution.fields if each.name in fields}
        self._set_entry(row, entry_for(distribution.name, ordered | fields), f"{field.name} {self._key(row)}")

    @on(ParameterPane.KindChosen)
    def _kind_chosen(self, message: ParameterPane.KindChosen) -> None:
        message.stop()
        row = self.current.row if self.current is not None else None
        if row is not None:
            self._set_entry(row, converted(row.entry, message.distribution))

    def _set_entry(self, row: ParameterDraft, entry: dict[str, Json], field: str = "") -> None:
        row.entry = entry
        row.problem = row.typed = ""
        self.parameter_tree.refresh_changed()
        self._show_current(keep_typed=bool(field))
        self.tell_changed(f"edit {row.name}", field)

    @on(ParameterPane.PresetChosen)
    def _preset_chosen(self, message: ParameterPane.PresetChosen) -> None:
        message.stop()
        row, preset = self.current.row if self.current is not None else None, message.preset
        if row is None:
            return
        group, separator, name = row.name.rpartition(GROUP_SEPARATOR)
        # A name that stands for the preset is what the program calls it, and stays.
        row.name = f"{group}{separator}{name.strip() if preset.is_named(name) else preset.name}"
        row.entry = parse_shorthand(preset.text)
        self.parameter_tree.facts.of(row.entry).__dict__["text"] = preset.text
        self._new = None
        self._reshow(row)
        self.pane.value_input.focus()
        self.pane.value_input.select_all()
        self.tell_changed(f"add {row.name}")

    @on(NameInput.LinesPasted)
    def _lines_pasted(self, message: NameInput.LinesPasted) -> None:
        message.stop()
        self._add_pasted(message.text)

    @on(ParameterTree.Pasted)
    def _pasted(self, message: ParameterTree.Pasted) -> None:
        message.stop()
        text = message.text.strip()
        if len(text.splitlines()) > 1 or self.current is None:
            self._add_pasted(text)
        elif text:
            self._edit(ParameterTree.EditRequested(self.parameter_tree, text))

    def _add_pasted(self, text: str) -> None:
        added = pasted_parameters(text)
        if not added:
            self.notify("Write lines such as `lr: 1e-5..1e-1 log`.", title="No parameters found", severity="warning")
            return
        node = self.current
        self._drop_unnamed()
        last = node.rows[-1] if node is not None and node.rows else None
        at = next((index + 1 for index, row in enumerate(self.rows) if row is last), len(self.rows))
        self.rows[at:at] = added
        self._reshow(added[0])
        self.parameter_tree.focus()
        self.tell_changed(f"paste {len(added)} parameter{'' if len(added) == 1 else 's'}")

    # Going on

    @on(ParameterPane.Left)
    def _left(self, message: ParameterPane.Left) -> None:
        message.stop()
        if message.field:
            if 0 <= self.parameter_tree.cursor + message.by < len(self.parameter_tree.lines):
                self.parameter_tree.move_to(self.parameter_tree.cursor + message.by)
                self._show_current()
                is_group = self.current is not None and self.current.row is None
                box = self.pane.name_input if is_group or message.field == "name" else self.pane.value_input
                box.focus()
                box.cursor_position = len(box.value)
            elif message.by < 0:
                self.parameter_tree.focus()
            return
        self.parameter_tree.focus()
        if message.is_done:
            self.parameter_tree.move_to(self.parameter_tree.cursor + message.by)
        elif self._new is not None:
            self._drop_unnamed()
            self._show_current()

    # Changing lines

    @on(ParameterTree.ChangeRequested)
    def _tree_wish(self, message: ParameterTree.ChangeRequested) -> None:
        message.stop()
        self._carry_out(message.wish)

    @on(ParameterPane.ChangeRequested)
    def _pane_wish(self, message: ParameterPane.ChangeRequested) -> None:
        message.stop()
        self._carry_out(message.wish)

    def _carry_out(self, wish: str) -> None:
        node, model = self.current, self.parameter_tree.model
        if node is None:
            return
        name = GROUP_SEPARATOR.join(node.path) or "a parameter"
        if wish == "duplicate":
            copied = model.duplicate(node)
            self._reshow(copied.path)
            self.tell_changed(f"copy {name}")
        elif wish == "delete":
            model.delete(node)
            self._new = None
            self._reshow()
            self.parameter_tree.focus()
            self.tell_changed(f"delete {name}")
            self.notify(f"Deleted {name}; ctrl+z brings it back.", timeout=4, markup=False)
        elif wish == "switch":
            is_off = model.switch(node)
            self._reshow()
            self.tell_changed(f"switch {name} {'off' if is_off else 'on'}")
        elif model.move(node, -1 if wish == "up" else 1, self.parameter_tree.folded):
            self._reshow(node.path if node.row is None else node.row)
            self.tell_changed(f"move {name}", f"move {id(node.rows[0])}")

    def _rows_by_path(self) -> dict[str, list[ParameterDraft]]:
        by_path: dict[str, list[ParameterDraft]] = {}
        for row in self.rows:
            if not row.is_off:
                by_path.setdefault(row.config_path, []).append(row)
        return by_path

    def _key(self, row: ParameterDraft) -> str:
        """Return what tells a row from others while it is typed in."""
        return str(next((index for index, each in enumerate(self.rows) if each is row), -1))


def _owners(path: str, by_path: Mapping[str, Sequence[ParameterDraft]]) -> Sequence[ParameterDraft]:
    """Return the rows a violation is about: those with the longest path that it begins with."""
    while path:
        if path in by_path:
            return by_path[path]
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return ()


def _field_value(field: Field, text: str) -> Json:
    """Return what a text means for a field; what cannot be read stays text, and the validation says so."""
    if field.kind not in ("values", "probabilities"):
        return parse_value(text)
    try:
        return parse_items(text)
    except ShorthandError:
        return text


def _group_at(path: str, groups: Mapping[str, TreeNode]) -> TreeNode | None:
    """Return the innermost group that a violation's path begins with."""
    while path and path not in groups:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return groups.get(path)
