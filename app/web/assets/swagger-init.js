// Starts Swagger UI. A file of its own, because the page's Content-Security-Policy allows no inline script.
(() => {
  "use strict";

  const place = document.getElementById("swagger-ui");

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", follow);
  follow();

  // The filter box of Swagger UI looks at tags and paths only; people also type what they want to do.
  const findByWords = () => ({
    fn: {
      opsFilter: (groups, phrase) => {
        const words = phrase.toLowerCase().split(/\s+/).filter(Boolean);
        const fits = (text) => words.every((word) => text.includes(word));
        return groups
          .map((group, tag) => group.set("operations", group.get("operations").filter((operation) => fits([
            tag,
            operation.get("method"),
            operation.get("path"),
            operation.getIn(["operation", "summary"], ""),
            operation.getIn(["operation", "operationId"], ""),
          ].join(" ").toLowerCase()))))
          .filter((group) => group.get("operations").size > 0);
      },
    },
  });

  SwaggerUIBundle({
    domNode: place,
    url: place.dataset.openapi,
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [findByWords],
    layout: "BaseLayout",
    deepLinking: true, // an operation has an address that can be sent to a colleague
    docExpansion: "list", // everything that can be done, on one page that the browser can search
    filter: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    showCommonExtensions: true, // lengths and ranges beside each parameter
    defaultModelRendering: "example",
    defaultModelExpandDepth: 3,
    defaultModelsExpandDepth: 0, // the schemas stay folded at the end
    persistAuthorization: false, // a secret never goes into the browser's storage
    validatorUrl: "none", // no request to anybody else
    onComplete: () => {
      const filter = place.querySelector(".operation-filter-input");
      filter.placeholder = "Find an operation, by words or path";
      filter.setAttribute("aria-label", filter.placeholder);
    },
  });
})();
