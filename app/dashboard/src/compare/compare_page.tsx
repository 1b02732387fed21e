// compare_page.tsx - several runs beside each other: those of the query string's `runs`.

export function ComparePage() {
  return <h1>Compare</h1>;
}
