"use strict";
// Sorting and filtering only: without this script the page shows the same, in key order.
(() => {
  const body = document.querySelector("#all tbody");
  const rows = [...body.rows];
  const ranks = { red: 0, yellow: 1, green: 2 };
  const find = document.getElementById("find");
  const onlyState = document.getElementById("only-state");
  const onlyType = document.getElementById("only-type");

  const filter = () => {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word))
        && (!onlyState.value || row.dataset.state === onlyState.value)
        && (!onlyType.value || row.dataset.type === onlyType.value);
      row.hidden = !fits;
      shown += fits;
    }
    document.getElementById("found").textContent = `${shown} of ${rows.length} folders`;
  };

  const key = (row, name) => (name === "state" ? ranks[row.dataset.state] : Number(row.dataset[name]));
  const sort = (header) => {
    const up = header.dataset.order !== "up";
    for (const other of document.querySelectorAll("th[data-sort]")) other.dataset.order = "";
    header.dataset.order = up ? "up" : "down";
    const name = header.dataset.sort;
    rows.sort((a, b) => (key(a, name) - key(b, name)) * (up ? 1 : -1));
    body.append(...rows);
  };

  for (const header of document.querySelectorAll("th[data-sort]")) {
    header.dataset.order = "";
    header.addEventListener("click", () => sort(header));
  }
  find.addEventListener("input", filter);
  for (const choice of [onlyState, onlyType]) choice.addEventListener("change", filter);
  const controls = document.getElementById("controls");
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.hidden = false;
  filter();
})();
