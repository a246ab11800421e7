// On every page: htmx (configured by the meta tag, without eval), live fragments, and small comforts.
import "../vendor/htmx/htmx.esm.js";
import "./answer.js";
import { follow } from "./live.js";
import { comforts } from "./comforts.js";

comforts(document);
document.addEventListener("htmx:afterSettle", (event) => comforts(event.target));
follow();
