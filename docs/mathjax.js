// MathJax 3 alone knows \( and \), which pages have; the formulas of notebooks stand between dollars.
window.MathJax = { tex: { inlineMath: [["\\(", "\\)"], ["$", "$"]] } };
