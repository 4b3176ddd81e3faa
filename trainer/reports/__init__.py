"""A sweep as a report that one reads without any tool: Markdown, or one HTML file without scripts or network."""
