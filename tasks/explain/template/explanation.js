// Press a head: the table below shows who reads whom in it. Without this script it shows the mean.
for (const section of document.querySelectorAll(".heat-part")) {
  const detail = section.querySelector("table.detail");
  if (!detail) continue;
  const { names, weights, words } = explanations[detail.dataset.text];
  const cells = [...detail.tBodies[0].rows].map(row => [...row.querySelectorAll("td")]);
  const heads = [...section.querySelectorAll("th[data-row]")];
  const show = chosen => {
    weights[chosen].forEach((line, reader) => line.forEach((value, read) => {
      const cell = cells[reader][read];
      cell.style.setProperty("--share", Math.round(100 * value));
      cell.textContent = !value ? "" : value < 0.995 ? value.toFixed(2).replace(/^0/, "") : "1";
      cell.title = `${words[reader]} reads ${words[read]}: ${value.toFixed(3)}`;
    }));
    section.querySelector(".chosen").textContent = names[chosen];
    heads.forEach((head, place) => head.firstElementChild.setAttribute("aria-pressed", place === chosen));
  };
  heads.forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => show(place));
    head.append(button);
  });
  section.querySelector(".picks").hidden = false;
  show(0);
}
// Press a written word: the tree shows where the decoder looked before it wrote it.
for (const part of document.querySelectorAll(".writing")) {
  const weights = written[part.dataset.writing], tree = part.querySelector(".looked-tree");
  if (!tree) continue;
  const rows = [...part.querySelectorAll(".alignment tbody tr")];
  const show = chosen => {
    for (const chip of tree.querySelectorAll("rect[data-node]")) {
      chip.dataset.fill ??= chip.getAttribute("fill");
      const share = Math.round(75 * weights[chosen][Number(chip.dataset.node)]);
      chip.style.fill = `color-mix(in srgb, var(--accent) ${share}%, ${chip.dataset.fill})`;
    }
    tree.querySelector(".chosen").textContent = rows[chosen].firstElementChild.textContent;
    rows.forEach((row, place) => row.firstElementChild.firstElementChild.setAttribute("aria-pressed", place === chosen));
  };
  rows.forEach((row, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...row.firstElementChild.childNodes);
    button.addEventListener("click", () => show(place));
    row.firstElementChild.append(button);
  });
  part.querySelector(".picks").hidden = false;
  tree.hidden = false;
  show(Number(part.dataset.chosen));
}
// On a narrow screen the prediction comes first.
document.querySelector("nav details").open = matchMedia("(min-width: 72rem)").matches;
// On paper nothing can be hovered over or unfolded.
addEventListener("beforeprint", () => document.querySelectorAll("details.numbers").forEach(part => part.open = true));
