"""Functions that are ours and SQLite's: the same answers as Python's sqlite3 gives. sqlite_functions.py [SEED [CALLS]]; the exit says whether any differs."""
import csv, io, random, sqlite3, subprocess, sys
random.seed(int(sys.argv[1]) if len(sys.argv)>1 else 1)
pieces=['a','b','ab','é','日本',' ','','aa','%','x'*5,'\U0001f600',"'",'1','-','b\u0301']
def text(): return ''.join(random.choice(pieces) for _ in range(random.randint(0,6)))
def lit(x): return 'NULL' if x is None else str(x) if isinstance(x,(int,float)) else "X'"+x.hex()+"'" if isinstance(x,bytes) else "'"+x.replace("'","''")+"'"
def val():
    r=random.random()
    return None if r<.06 else random.randint(-50,50) if r<.12 else random.random()*100 if r<.16 else text().encode() if r<.2 else text()
fmts=['%s','%d','%5d','%-8s|','%.3f','%08.2f','%*d','%.*f','%-*s|','%c','%5c','%.3c','%x','%%','%q','%Q','%w','%+d','%,d','%!s','%e','%g','%lld','%z','%5','%','%*','%.','%5.3s','%o','%#x']
sql=[]
for i in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1000):
    k=random.randint(0,5)
    if k==0: e='instr(%s,%s)'%(lit(val()),lit(val()))
    elif k==1: e='replace(%s,%s,%s)'%(lit(val()),lit(val()),lit(val()))
    elif k<=3: e='%s(%s,%s)'%(random.choice(['trim','ltrim','rtrim']),lit(val()),lit(val()))
    else: e='%s(%s)'%(random.choice(['printf','format']),','.join([lit(''.join(random.choice(fmts+['x ']) for _ in range(random.randint(1,4))))]+[lit(val()) for _ in range(random.randint(0,5))]))
    sql.append(e)
db=sqlite3.connect(':memory:'); db.text_factory=bytes
bad=0
for at in range(0,len(sql),50):
    q='SELECT '+','.join('hex(%s),typeof(%s)'%(e,e) for e in sql[at:at+50])
    want=[x.decode() if isinstance(x,bytes) else x for x in db.execute(q).fetchone()]
    out=subprocess.run(['at-query','-f','csv',q],capture_output=True,text=True)
    if out.returncode: print(out.stderr[:300]); sys.exit(1)
    got=list(csv.reader(io.StringIO(out.stdout)))[1]
    for j,(a,b) in enumerate(zip(want,got)):
        if str(a)!=b: bad+=1; print('DIFF',sql[at+j//2],a,b)
print(len(sql),'calls,',bad,'differ')
sys.exit(1 if bad else 0)
