// The content security policy allows no inline styles, and xterm.js writes some. This gives it another way to the
// same end: its style elements become constructed sheets, its style attributes go through the object model. Both
// are what a script may do under style-src 'self'.
export function allowStyles() {
  const create = document.createElement.bind(document);
  // Even an empty style element is refused, so an inert one stands in for it.
  document.createElement = (name, options) => (name === "style" ? adopting(create("template")) : create(name, options));
  const set = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name, value) {
    if (name === "style") this.style.cssText = value;
    else set.call(this, name, value);
  };
}

function adopting(element) {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  let text = "";
  Object.defineProperty(element, "textContent", {
    get: () => text,
    set: (css) => sheet.replaceSync((text = css)),
  });
  Object.defineProperty(element, "sheet", { value: sheet });
  const remove = element.remove.bind(element);
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((s) => s !== sheet);
    remove();
  };
  return element;
}
