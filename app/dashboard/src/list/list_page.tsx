// list_page.tsx - all runs.

export function ListPage() {
  return <h1>Training runs</h1>;
}
