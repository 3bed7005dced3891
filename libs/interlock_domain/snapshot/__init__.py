"""What a gateway routes from: the rows of one commit, proved consistent and compiled into pools."""
