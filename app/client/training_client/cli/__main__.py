"""python -m training_client.cli"""

from training_client.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
