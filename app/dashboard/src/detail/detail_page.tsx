// detail_page.tsx - one run's page.

export function DetailPage({ runId }: { runId: string }) {
  return <h1>{runId}</h1>;
}
