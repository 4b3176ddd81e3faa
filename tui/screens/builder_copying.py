"""BuilderCopying: the sweep in the forms that people paste elsewhere. A feature of `SweepBuilderScreen`."""

from __future__ import annotations

from collections.abc import Sequence

from tui.launch_choice import LaunchChoice, read_choice
from tui.screens.builder_files import BuilderFiles
from tui.screens.builder_launching import BuilderLaunching
from tui.screens.save_sweep import CopyForm


class BuilderCopying(BuilderLaunching, BuilderFiles):
    """Makes the texts from what is shown, and from how the last sweep was launched."""

    def copy_forms(self) -> Sequence[CopyForm]:
        """Return the forms in which the sweep can be copied."""
        # Imported when first needed: only copying asks for them.
        from trainer.sweep.exports import ExportTarget, as_python, as_run_command, as_wandb_commands

        document, settings = self.document, self.session.settings
        config = document.config()
        choice = read_choice({"agents": "1", **self.last_choices})[0] or LaunchChoice(1)
        named = config.get("project")
        project = self.session.project or (named if isinstance(named, str) else "") or choice.project
        target = ExportTarget(settings.kind, settings.base_url, project or None, settings.entity, choice.agents or 1)
        file = "" if self.unsaved or self.path is None else self.path_text()
        return (
            CopyForm("YAML", ".yaml", lambda: document.text),
            CopyForm("wandb commands", ".sh", lambda: as_wandb_commands(config, target, file=file, text=document.text)),
            CopyForm("Python", ".py", lambda: as_python(config, target)),
            CopyForm(
                "sweep-tui command",
                ".sh",
                lambda: as_run_command(config, choice.options(), file=file, text=document.text),
            ),
        )
