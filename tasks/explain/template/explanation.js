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
// On a narrow screen the prediction comes first.
document.querySelector("nav details").open = matchMedia("(min-width: 72rem)").matches;
// On paper nothing can be hovered over or unfolded.
addEventListener("beforeprint", () => document.querySelectorAll("details.numbers").forEach(part => part.open = true));
