"""What starts runs without a person: jobs, schedules and, later, sensors."""
