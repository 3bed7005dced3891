"""`python -m interlock_gateway`: one of several workers; people type `interlock serve gateway`."""

from interlock_gateway.worker import main

if __name__ == "__main__":
    main()
