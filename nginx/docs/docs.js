// docs.js - draws /openapi.json with Swagger UI, when it is there. Called by index.html.
"use strict";

if (window.SwaggerUIBundle) {
  document.getElementById("page").textContent = "";
  window.SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#page",
    deepLinking: true,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    persistAuthorization: false, // a key typed here is forgotten with the page
    validatorUrl: null, // else a picture is asked of a host on the internet
  });
}
