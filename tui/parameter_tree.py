"""The parameters of a draft as a tree: its lines, and what moves, copies and removes whole branches. Pure.

The draft keeps a flat list of rows; a group is what rows have in common at the beginning of their paths. Every
operation changes that list in place and returns the path that the cursor goes to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from tui.sweep_draft import GROUP_SEPARATOR, ParameterDraft

Path = tuple[str, ...]


@dataclass(eq=False)
class TreeNode:
    """A parameter, or a group of them."""

    name: str
    row: ParameterDraft | None = None
    """The parameter; None for a group."""
    children: list[TreeNode] = field(default_factory=list)
    parent: TreeNode | None = None

    @property
    def path(self) -> Path:
        """Names from the outermost group to this node."""
        return (*self.parent.path, self.name) if self.parent is not None else ()

    @property
    def rows(self) -> list[ParameterDraft]:
        """The parameters of this node, from top to bottom."""
        return [self.row] if self.row is not None else [row for child in self.children for row in child.rows]

    @property
    def is_off(self) -> bool:
        """Whether nothing of it takes part."""
        return all(row.is_off for row in self.rows)


@dataclass(frozen=True)
class TreeLine:
    """One line of the tree as it is shown."""

    node: TreeNode
    depth: int
    is_folded: bool = False

    @property
    def row(self) -> ParameterDraft | None:
        """The parameter of the line; None for a group."""
        return self.node.row


class ParameterTreeModel:
    """The tree of a list of rows. Made anew after every change of the list."""

    def __init__(self, rows: list[ParameterDraft]) -> None:
        self._rows = rows
        self.root = TreeNode("")
        groups: dict[Path, TreeNode] = {(): self.root}
        for row in rows:
            path = row.path
            self._group(path[:-1], groups).children.append(TreeNode(path[-1], row, parent=groups[path[:-1]]))

    def _group(self, path: Path, groups: dict[Path, TreeNode]) -> TreeNode:
        if path not in groups:
            parent = self._group(path[:-1], groups)
            groups[path] = TreeNode(path[-1], parent=parent)
            parent.children.append(groups[path])
        return groups[path]

    def lines(self, folded: Collection[Path] = ()) -> list[TreeLine]:
        """Return the lines from top to bottom, without what is inside folded groups."""
        return list(self._lines(self.root, 0, folded))

    def _lines(self, group: TreeNode, depth: int, folded: Collection[Path]) -> Iterator[TreeLine]:
        for node in group.children:
            is_folded = node.row is None and node.path in folded
            yield TreeLine(node, depth, is_folded)
            if node.row is None and not is_folded:
                yield from self._lines(node, depth + 1, folded)

    # Operations

    def move(self, node: TreeNode, by: int, folded: Collection[Path] = ()) -> bool:
        """Move a node one line up (-1) or down (1): past its neighbour, into a group that is open, or out of its own.

        Returns:
            Whether it moved; the first and the last line have nowhere to go.
        """
        parent = node.parent
        assert parent is not None
        siblings = parent.children
        index = siblings.index(node)
        target = index + by
        if not 0 <= target < len(siblings):
            if parent.parent is None:
                return False
            siblings.remove(node)
            outer = parent.parent.children
            outer.insert(outer.index(parent) + (by > 0), node)
            node.parent = parent.parent
        elif node.row is not None and siblings[target].row is None and siblings[target].path not in folded:
            group = siblings[target]
            siblings.remove(node)
            group.children.insert(0 if by > 0 else len(group.children), node)
            node.parent = group
        else:
            siblings[index], siblings[target] = siblings[target], siblings[index]
        self._write()
        return True

    def delete(self, node: TreeNode) -> None:
        """Remove a parameter, or a group with all it holds."""
        gone = node.rows
        self._rows[:] = [row for row in self._rows if not any(row is each for each in gone)]

    def duplicate(self, node: TreeNode) -> TreeNode:
        """Add a copy below a parameter or group, with a number behind its name; returns the copy."""
        parent = node.parent
        assert parent is not None
        taken = {each.name for each in parent.children}
        name = next(f"{node.name}_{n}" for n in range(2, len(taken) + 3) if f"{node.name}_{n}" not in taken)
        copied = _copied(node, parent)
        copied.name = name
        parent.children.insert(parent.children.index(node) + 1, copied)
        self._write()
        return copied

    def rename(self, node: TreeNode, name: str) -> None:
        """Give a node another name; a `/` in it makes groups.

        A parameter keeps its line where its group stays the same.
        """
        if node.row is not None:
            node.row.name = GROUP_SEPARATOR.join((*node.path[:-1], name))
            if node.parent is not None and any(GROUP_SEPARATOR in part for part in node.path[:-1]):
                node.row.given_path = (*node.path[:-1], name)
            return
        node.name = name
        self._write()

    def switch(self, node: TreeNode) -> bool:
        """Take a parameter or group out, or back in; returns whether it is off now."""
        is_off = not node.is_off
        for row in node.rows:
            row.is_off = is_off
        return is_off

    def _write(self) -> None:
        """Write the order and the names of the tree into the rows."""
        self._rows[:] = self.root.rows
        for node in _leaves(self.root):
            path = node.path
            if node.row is not None and node.row.path != path:
                node.row.path = path


def _leaves(node: TreeNode) -> Iterator[TreeNode]:
    if node.row is not None:
        yield node
    for child in node.children:
        yield from _leaves(child)


def _copied(node: TreeNode, parent: TreeNode) -> TreeNode:
    row = node.row
    copied = TreeNode(node.name, parent=parent)
    if row is not None:
        copied.row = replace(row)
    copied.children = [_copied(child, copied) for child in node.children]
    return copied
