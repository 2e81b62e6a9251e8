"""structnn beside other people's software: ``make bench``, and ``docs/performance.md`` for results."""
