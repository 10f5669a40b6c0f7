"""What starts and ends runs without a person: jobs, schedules, sensors and the run launcher."""
