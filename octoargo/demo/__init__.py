"""The demo: the whole product on one machine, with simulated Argo CDs. `manage.py demo` runs it, `manage.py demo_story` performs in it."""
