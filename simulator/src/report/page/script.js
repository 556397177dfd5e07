// Sorts a table by the column whose heading is clicked. Without script the page says the same.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
      const body = table.tBodies[0];
      const rows = [...body.rows].map((row) => [row, row.cells[column]]);
      const number = (cell) => Number(cell.dataset.sort);
      const isNumber = (cell) => cell.dataset.sort !== undefined;
      const words = (a, b) => a.textContent.localeCompare(b.textContent, "en", { numeric: true });
      // What has no number comes last, whichever way the column is sorted.
      const compare = (a, b) =>
        isNumber(a) !== isNumber(b) ? sign * (isNumber(a) ? -1 : 1) : isNumber(a) ? number(a) - number(b) : words(a, b);
      rows.sort(([, a], [, b]) => sign * compare(a, b));
      body.append(...rows.map(([row]) => row));
    });
  });
}
