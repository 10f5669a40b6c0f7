"""Tags by which what a run launched is found again, whoever launched it."""

RUN_ID_TAG = "checkout-assets:run-id"
DEPLOYMENT_TAG = "checkout-assets:deployment"
