// markdown.ts - Markdown as HTML in which nothing runs and nothing is fetched: marked reads it and takes HTML for
// text, DOMPurify keeps only what is listed here. A chunk of its own, fetched when there are notes. Called by notes_panel.tsx.
import DOMPurify from "dompurify";
import { Marked } from "marked";

const TAGS = [
  ..."a b blockquote br code del em h1 h2 h3 h4 h5 h6 hr i li ol p pre s strong sub sup".split(" "),
  ..."table tbody td th thead tr ul input".split(" "),
];
const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const escaped = (text: string): string => text.replace(/[&<>"']/g, (sign) => ESCAPES[sign] ?? sign);

const marked = new Marked({ gfm: true, breaks: true, async: false });
// HTML in notes is shown as it is written. A picture is its words: it would be fetched from elsewhere.
marked.use({ renderer: { html: ({ text }) => escaped(text), image: ({ text }) => escaped(text) } });

/** Links lead away in a tab of their own, and only by http, https, mailto, or within this server. */
export function safeMarkdown(text: string): DocumentFragment {
  const html = marked.parse(text, { async: false });
  const fragment = DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ["href", "title", "start", "align", "type", "checked", "disabled"],
    ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|[/#?])/i,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const link of fragment.querySelectorAll("a[href]")) {
    link.setAttribute("rel", "noopener noreferrer nofollow");
    link.setAttribute("target", "_blank");
  }
  // Headings of notes stand below the page's own; a box of a task list is a sign, not a field.
  for (const heading of fragment.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const lower = document.createElement("h3");
    lower.append(...heading.childNodes);
    heading.replaceWith(lower);
  }
  for (const box of fragment.querySelectorAll("input")) box.replaceWith(box.hasAttribute("checked") ? "☑ " : "☐ ");
  return fragment;
}
