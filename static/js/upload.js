import tus from "../vendor/tus-js-client/tus.min.js"; void tus;
