package webtest

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"
)

// rowFaults names rows of tables that take more than a line at 1280 px, and what rows repeat. A row is as high as its text: 3.5 em of
// it are a line and a half with the room around it, about 48 px. Three things may take more, and are taken out before rows are
// measured, in columns as wide as they were: a second line marked .also, which has what only some rows have; a name or address marked .breaks that has more
// than 20 characters; and what a person opened. A mark on every row, or with the same words in all, is none. Offers on the market are compared and not
// listed, and papers are printed: their tables have rows of their own, and a market's takes 12 em, as long as nobody opens what it has.
func rowFaults(t *testing.T, ctx context.Context) []string {
	t.Helper()
	if err := do(t, ctx, chromedp.EmulateViewport(1280, 844)); err != nil {
		t.Fatal(err)
	}
	faults, err := ask(t, ctx, chromedp.Evaluate[[]string](rowScript))
	if err != nil {
		t.Fatal(err)
	}
	return faults
}

const rowScript = `(() => {
  const faults = [];
  const said = (el) => el.textContent.replace(/\s+/g, " ").trim();
  const named = (row) => said(row.cells[0]).slice(0, 40);
  const same = (words) => words.length > 2 && words[0] !== "" && words.every((w) => w === words[0]);
  for (const row of document.querySelectorAll("main table.market tbody tr")) {
    const high = row.offsetHeight / parseFloat(getComputedStyle(row.cells[0]).fontSize);
    if (high > 12) faults.push("the offer “" + named(row) + "” is " + row.offsetHeight + " px high, " + high.toFixed(1) + " em");
  }
  for (const table of document.querySelectorAll("main table.table:not(.market, .paper *)")) {
    const rows = [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => row.offsetHeight > 0);
    const also = rows.map((row) => [...row.querySelectorAll(".also")].map(said).join(" "));
    if (same(also)) faults.push("each row of a table says “" + also[0] + "”: say it once");
    if (rows.length > 2 && also.every((words) => words !== "")) faults.push("each row has a second line, as “" + also[0] + "”: a column of its own has it");
    for (const unit of [".unit", ".reason"]) {
      const columns = Math.max(0, ...rows.map((row) => row.cells.length));
      for (let i = 0; i < columns; i++) {
        const words = rows.map((row) => [...(row.cells[i]?.querySelectorAll(unit) ?? [])].map(said).join(" "));
        if (same(words)) faults.push("each row of a table repeats “" + words[0] + "”: its heading says it once");
      }
    }
    const undo = [];
    const set = (el, name, value) => {
      undo.push([el, name, el.style[name]]);
      el.style[name] = value;
    };
    const widths = [...(table.tHead?.rows[0]?.cells ?? [])].map((cell) => [cell, cell.offsetWidth]);
    set(table, "width", table.offsetWidth + "px");
    for (const [cell, width] of widths) set(cell, "width", width + "px");
    set(table, "tableLayout", "fixed");
    for (const row of rows) {
      for (const el of row.querySelectorAll(".also")) set(el, "display", "none");
      for (const details of row.querySelectorAll("details[open]")) set(details, "display", "none");
      for (const cell of row.querySelectorAll(".breaks")) {
        if (said(cell).length <= 20) continue;
        set(cell, "overflow", "hidden");
        set(cell, "whiteSpace", "nowrap");
      }
    }
    for (const row of rows) {
      const em = parseFloat(getComputedStyle(row.cells[0]).fontSize);
      const high = row.getBoundingClientRect().height / em;
      if (high > 3.5) faults.push("the row “" + named(row) + "” is " + Math.round(high * em) + " px high, " + high.toFixed(1) + " em: give what its second line tells a column or the mark .also");
    }
    for (const [el, name, value] of undo.reverse()) el.style[name] = value;
  }
  return faults;
})()`
