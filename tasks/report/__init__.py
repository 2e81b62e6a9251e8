"""An experiment's report: one page to read, and its tables and figures as files."""

from tasks.report.map import load_groups, write_map
from tasks.report.page import run_report, write_report

__all__ = ["load_groups", "run_report", "write_map", "write_report"]
