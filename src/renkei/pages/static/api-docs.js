// Its own file, because the page's Content-Security-Policy runs no inline script.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api-docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // The default would send the description to a server of the makers.
});
